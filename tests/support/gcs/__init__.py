"""Google Cloud for tests: fake-gcs-server keeps the files, a double before it does what that one doesn't.

server     the running server, as tests use it: buckets, accounts, providers
double     the double's process: routes, and the tests' own door
identity   who asks: keys, exchanges, impersonation, access tokens
storage    who may do what with files: permissions, preconditions, access control lists, digests
answers    answers as Google's services spell them
"""
