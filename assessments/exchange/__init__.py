"""Questions in the formats that others read and write: bytes in, questions and problems out.

One module a format, each pure. :mod:`assessments.exchange.formats` lists them and finds out
which one a file has.
"""
