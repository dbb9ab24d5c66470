// Package guard decides what may go on. Its functions look at plain data and
// answer with nil, or with an error that says why not and what to type; they
// read nothing and change nothing.
package guard
