package python

// What a person types here to get an interpreter, and the modules of one.
const (
	getPython  = "brew install python@3.13"
	getModules = "brew reinstall python@3.13"
)
