"""The fault harness: the engine's two lanes under kills, hangs, lost answers, throttling and changing files.

    python -m tests.faults --files 10000 --seed 7      (make chaos)

plan       what happens, as a pure function of the seed
points     named fail points, as handlers of botocore's events: the engine holds no hook
lanes      what a DAG's tasks and the Lambda do with the engine
workers    processes that run tasks, and may be killed by them
chaos      carries a plan out
oracle     what the lake must hold in the end, and what it holds
tables     the same for DynamoDB tables
"""
