package doctor

import (
	"context"

	"golang.org/x/sys/unix"
)

// What a person types here to get what is missing, and to see more.
const (
	getSSH     = "apt-get install openssh-client"
	getGit     = "apt-get install git"
	getAWS     = "apt-get install awscli"
	getSession = "curl -fO https://s3.amazonaws.com/session-manager-downloads/plugin/latest/ubuntu_64bit/session-manager-plugin.deb && dpkg -i session-manager-plugin.deb"
	mostMemory = "ps -eo rss,pid,comm --sort=-rss | head"
	setClock   = "timedatectl set-ntp true"
)

// machineChecks are those that only this system answers.
func machineChecks() []check { return []check{one(clock)} }

// clock asks the kernel whether something keeps it right.
func clock(context.Context) Finding {
	f := Finding{Check: "clock", State: OK, Detail: "kept right by a time service"}
	const unsynchronised = 5 // TIME_ERROR
	state, err := unix.Adjtimex(&unix.Timex{})
	switch {
	case err != nil:
		f.State, f.Detail, f.Mend = Unknown, err.Error(), "timedatectl"
	case state == unsynchronised:
		f.State, f.Detail, f.Mend = Warn, "no time service keeps it right; AWS refuses requests that are 5 minutes off", setClock
	}
	return f
}
