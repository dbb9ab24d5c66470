// Package spelling finds the name that was probably meant.
package spelling

import "fmt"

// Nearest is the known name with the fewest letters to change, insert, drop
// or swap to get to it from word; of equals the first in known. It is empty
// when none is near enough to be a likely slip of the finger.
func Nearest(word string, known []string) string {
	best, least := "", limit(word)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// Suggest is Nearest as the end of a sentence, "; did you mean \"prod\"?", or
// nothing when no name is near.
func Suggest(word string, known []string) string {
	if n := Nearest(word, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// limit is how many slips a word may hold: one in three letters, at least
// one. Very long words are not worth the comparison.
func limit(word string) int {
	n := len([]rune(word))
	if n > 64 {
		return 0
	}
	return max(1, n/3)
}

// distance counts single-letter changes, with two swapped neighbours as one
// (optimal string alignment).
func distance(from, to string) int {
	a, b := []rune(from), []rune(to)
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
