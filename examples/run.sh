#!/bin/sh
# Runs the example build to its end through the real command line, then shows what was recorded and where it lies.
# Expects `bo` on the PATH; `make run` sees to that.
set -eu

here=$(dirname "$0")
builds=${BO_BUILDS_DIR:-$here/../.demo/builds}
project=auth-system

# Each run is a build of its own: the one before it is moved aside, for a log is never thrown away.
if [ -e "$builds/$project" ]; then
    mv "$builds/$project" "$builds/$project-$(date +%Y%m%d-%H%M%S)-$$"
fi
mkdir -p "$builds"
builds=$(cd "$builds" && pwd)
export BO_BUILDS_DIR="$builds" BO_PROJECT="$project"

title() { printf '\n== %s\n' "$*"; }

title "bo run: each worker as soon as its dependencies are completed"
bo run --plan-file "$here/auth-system.json" --via command --jobs 2 --table

title "bo status"
bo status --table
title "bo log"
bo log --table
title "bo verify"
bo verify --table

printf '\nThe log:      %s\nThe overview: %s\n' "$builds/$project/events.jsonl" "$builds/$project/README.md"
