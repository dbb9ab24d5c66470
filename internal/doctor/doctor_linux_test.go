package doctor

const clocks = " clock"
