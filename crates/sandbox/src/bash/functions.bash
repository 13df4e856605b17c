# Read by every bash in the sandbox. A program that is not here is told to the broker, which records and answers it.
command_not_found_handle() {
    exec /run/runbook/runbook-shim --call "$@"
}
