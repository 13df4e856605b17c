#!/usr/bin/env bash
# Makes room in the second region's cluster.
set -eu
kubectl scale deployment architect-worker --replicas=4 -n architect-production
