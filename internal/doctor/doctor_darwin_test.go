package doctor

const clocks = "" // see machineChecks
