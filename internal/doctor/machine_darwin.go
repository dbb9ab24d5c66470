package doctor

// What a person types here to get what is missing, and to see more.
const (
	getSSH     = "brew install openssh"
	getGit     = "brew install git"
	getAWS     = "brew install awscli"
	getSession = "brew install --cask session-manager-plugin"
	mostMemory = "top -l 1 -n 10 -o mem -stats mem,pid,command"
	setClock   = "sudo sntp -sS time.apple.com"
)

// machineChecks are those that only this system answers. Whether something
// keeps the clock right macOS tells only administrators; an environment's clock
// is compared with AWS.
func machineChecks() []check { return nil }
