"""AWS on a laptop: ministack plus what it lacks, on one loopback port.

Started with ``python -m localaws --port P --state DIR``. The product never imports this package: it reaches the local
AWS as it reaches the real one, through boto3 and ``AWS_ENDPOINT_URL``.
"""
