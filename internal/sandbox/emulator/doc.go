// Package emulator runs the AWS API of a sandbox: moto's server with our
// corrections, a Python program that is embedded here and unpacked where it
// runs. Start begins one; Client speaks to the endpoints under /_sandbox/
// which tell a reconciler what exists and tell the emulator what its hosts
// really do.
//
// Everything lives in the memory of the one process: stopping it forgets the
// account.
//
// awsapi/authorisation.py judges who asks: bucket policies hold for everybody,
// and the policies, boundary and trust of a role for hosts and, where
// Options.EnforceRoles says so, for everybody who has assumed one. Signatures
// are not checked: whoever reaches the endpoint is an operator.
//
// awsapi/corrections.py lists every deviation of moto that is corrected; each
// has a test here. A call that moto lacks is answered 501 NotImplemented and
// one that it breaks on 400 EmulatorFailure, which no client retries; the log
// in Options.Dir says more.
package emulator
