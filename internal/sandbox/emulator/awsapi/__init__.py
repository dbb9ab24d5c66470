"""The AWS API of a sandbox: moto's server, corrected where it deviates from AWS.

`python -m awsapi --port N` serves it. Nothing here imports moto before
`settings.Settings.apply` has put its configuration into place.
"""
