#!/bin/bash
# watch(1) for a place without a terminal: prints the output again and again, each time under a line with the time.
interval=2 title=1 direct='' errexit='' chgexit=''

fail() {
    printf 'watch: %s\nUsage: watch [-n SECONDS] [-t] [-x] [-e] [-g] COMMAND\n' "$1" >&2
    exit 1
}

while getopts ':n:q:dtxbcegpwrC-:' option; do
    case $option in
        n) interval=$OPTARG ;;
        t) title='' ;;
        x) direct=1 ;;
        e) errexit=1 ;;
        g) chgexit=1 ;;
        [qdbcpwrC]) ;;
        -)
            case $OPTARG in
                interval=*) interval=${OPTARG#*=} ;;
                interval) interval=${!OPTIND-} OPTIND=$((OPTIND + 1)) ;;
                no-title) title='' ;;
                exec) direct=1 ;;
                errexit) errexit=1 ;;
                chgexit) chgexit=1 ;;
                differences | differences=* | beep | color | no-color | precise | no-wrap | no-rerun) ;;
                *) fail "unknown option --$OPTARG" ;;
            esac
            ;;
        *) fail "unknown option -$OPTARG" ;;
    esac
done
shift "$((OPTIND - 1))"
[[ $# -gt 0 ]] || fail 'no command'
interval=${interval/,/.}
[[ $interval =~ ^[0-9]{1,6}(\.[0-9]{0,3})?$ ]] || fail "not a number of seconds: $interval"
# As procps does: never more often than ten times a second.
[[ $interval =~ ^0*(\.0[0-9]*)?$ ]] && interval=0.1

once() {
    if [[ $direct ]]; then "$@"; else bash -c "$*"; fi
}

before='' rounds=0
while :; do
    [[ $title ]] && printf 'Every %ss: %s  %(%F %T)T\n\n' "$interval" "$*" -1
    if [[ $chgexit ]]; then
        output=$(once "$@" 2>&1)
        code=$?
        printf '%s\n' "$output"
        [[ $rounds -gt 0 && $output != "$before" ]] && exit 0
        before=$output
    else
        once "$@"
        code=$?
    fi
    [[ $errexit && $code -ne 0 ]] && exit "$code"
    rounds=1
    printf '\n'
    sleep "$interval"
done
