#!/bin/sh
# A real Slurm on this machine, for tests: `cluster.sh FOLDER` starts it, prints `ready`, and stops it when standard input
# ends. So it never outlives the tests. Clients find it by SLURM_CONF=FOLDER/slurm.conf.
#
# Needs Debian's slurm-wlm and munge. One node with more processors than the machine may have.
set -u
folder=$1
PATH=$PATH:/usr/sbin:/sbin
host=$(hostname -s)
me=$(id -un)
export SLURM_CONF=$folder/slurm.conf

free_port() { # $1: where to begin
    port=$1
    while grep -qi ":$(printf %04X "$port") " /proc/net/tcp /proc/net/tcp6 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

mkdir -p "$folder/state" "$folder/spool" "$folder/munge" && chmod 755 "$folder" "$folder/munge" || exit 1
head -c 128 /dev/urandom >"$folder/munge/key" && chmod 600 "$folder/munge/key"
from=$((20000 + $$ % 20000))
control=$(free_port "$from")
daemon=$(free_port $((control + 1)))

cat >"$SLURM_CONF" <<CONF
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control
SlurmdPort=$daemon
SlurmUser=$me
SlurmdUser=$me
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
SwitchType=switch/none
MpiDefault=none
KillWait=2
MinJobAge=300
DefMemPerNode=1000
OverTimeLimit=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 RealMemory=64000 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=60 State=UP
CONF

munged --foreground --force --num-threads=2 --socket="$folder/munge/socket" --key-file="$folder/munge/key" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" \
    </dev/null >"$folder/munged.txt" 2>&1 &
munged=$!
slurmctld -D -c </dev/null >"$folder/slurmctld.txt" 2>&1 &
slurmctld=$!
slurmd -D -c </dev/null >"$folder/slurmd.txt" 2>&1 &
slurmd=$!

stop() {
    scancel --user="$me" 2>/dev/null
    kill "$slurmd" "$slurmctld" "$munged" 2>/dev/null
    wait
    exit
}
trap stop INT TERM

tries=0
until sinfo --noheader --format=%T 2>/dev/null | grep -q idle; do
    tries=$((tries + 1))
    if [ $tries -gt 150 ]; then
        echo 'the cluster did not start:'
        tail -n 5 "$folder/munged.txt" "$folder/slurmctld.txt" "$folder/slurmd.txt"
        stop
    fi
    sleep 0.2
done
echo ready
cat >/dev/null
stop
