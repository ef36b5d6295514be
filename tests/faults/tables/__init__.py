"""The fault harness for DynamoDB tables: a table that changes, its exports and its stream under faults, and Athena.

    python -m tests.faults tables --items 50000 --seed 7      (make chaos TABLE_ITEMS=50000)

plan       what happens, as a pure function of the seed
points     named fail points of exports, compactions and the stream's lane
source     the DynamoDB table: its items, what happens to them, its clock, every version of every item
lanes      what the tasks of the DAGs and the stream's function do with the engine
workers    processes that run them
chaos      carries a plan out
rows       rows of <table>_current as text that is exact, and what an item must be there
oracle     what the view must hold in the end, and what it may hold meanwhile
"""
