"""The fault harness with its batch lane on Airflow's distributed engine (scripts/cluster.py, docs/cluster.md).

    python -m tests.faults --files 5000 --cluster 3 --seed 7      (make chaos FILES=5000 CLUSTER=3)

The plan, the other lane and the oracle are those of ``tests.faults``. No code of the harness runs in the nodes: what
happens to them comes from outside.

accidents  what happens to the machines, and when, as a pure function of the seed
clocks     a wrong time of day for the processes of a node
wreckers   does it: signals, stopped processes, a clock that is wrong
proxy      stands between the nodes and AWS: refuses, delays, cuts; and strikes at a named step of the engine
package    what the nodes are laid out from: the package with a short lease, or with an engine that is broken on purpose
lane       the batch lane: runs of load_<entity> and of the sweep
run        puts it together
"""
