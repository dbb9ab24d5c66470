package image

import "syscall"

// apart starts a program in a process group and a mount namespace of its own.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}
}
