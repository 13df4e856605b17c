# Runs the step: the first failing command ends it, and what it exported is told to the portal however it ends.
set -e

__runbook_export() {
    local status=$?
    set +e
    /run/runbook/runbook-shim --export
    return "$status"
}

# A step may have its own EXIT trap; the portal's must come before it.
trap() {
    builtin trap "$@" || return
    if [[ $# -gt 1 && $BASHPID == "$$" ]]; then
        local words
        eval "words=($(builtin trap -p EXIT))"
        if [[ ${words[2]-} != __runbook_export* ]]; then
            builtin trap -- __runbook_export$'\n'"${words[2]-}" EXIT
        fi
    fi
}
builtin trap -- __runbook_export EXIT

. /run/runbook/step
