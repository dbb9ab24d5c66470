package image

import "syscall"

// apart starts a program in a process group of its own; mount namespaces are
// Linux': package sandbox refuses before this is called.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
