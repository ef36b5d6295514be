"""The tools that are compared, a module each.

A module has `load(task)`. It imports what it needs, which is not measured, and returns a function, which is:
`convert(source, target, rejects)`. The three are paths; it returns the rows it wrote and the rows it set aside. Several
threads may call it at once, one file each. Where a tool takes all files in one call, its module has `load_all(task)`
instead, which returns a function without arguments, and that one a pair of counts per file.

A module runs in a process and an environment of its own: see worker.py.
"""
