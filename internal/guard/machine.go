package guard

import (
	"fmt"
	"time"

	"infra/internal/fault"
)

const (
	// skewLimit is how far AWS lets the time in a signature be off.
	skewLimit = 5 * time.Minute
	// skewWorry is more than a synchronised clock is ever off.
	skewWorry = 30 * time.Second
)

// Clock judges this machine's clock by a server's: skew is local minus
// server. AWS refuses requests that are signed 5 minutes early or late; from
// 30 s on there is a warning, since times in records are then wrong.
func Clock(skew time.Duration) (warning string, err error) {
	off := span(skew.Abs()) + " behind"
	if skew > 0 {
		off = span(skew) + " ahead"
	}
	switch {
	case skew.Abs() >= skewLimit:
		return "", fault.New(fault.Refused, "check this machine's clock",
			fmt.Errorf("it is %s of AWS, which refuses requests that are signed %s off", off, span(skewLimit)), "timedatectl set-ntp true")
	case skew.Abs() >= skewWorry:
		return fmt.Sprintf("this machine's clock is %s of AWS: times in logs and records are off (timedatectl set-ntp true)", off), nil
	default:
		return "", nil
	}
}

// Space refuses to begin on a full disk: Terraform then writes an empty plan
// and calls it success. path is where files will go, free and need are bytes.
func Space(path string, free, need uint64) error {
	if free >= need {
		return nil
	}
	return fault.New(fault.Refused, "check the space at "+shown(path),
		fmt.Errorf("%d MiB are free, a run needs %d MiB", free>>20, need>>20), "df -h "+shellQuote(shown(path)))
}
