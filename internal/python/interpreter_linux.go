package python

// What a person types here to get an interpreter, and the modules of one.
const (
	getPython  = "apt-get install --no-install-recommends python3 python3-venv"
	getModules = "apt-get install --no-install-recommends python3-venv"
)
