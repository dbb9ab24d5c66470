package snapshot

import (
	"fmt"
	"strings"
	"time"
)

// Text is a duration in the two units that matter: 14h0m, 10m36s, 3.1s.
func Text(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Text(-d)
	case d < 100*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 2*time.Hour:
		return d.Round(time.Second).String()
	default:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
}

// Bytes is a size in the unit that people would say it in.
func Bytes(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n >= 1024 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 || n >= 100 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

func perSecond(n float64) string { return Bytes(n) + "/s" }
