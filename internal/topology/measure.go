package topology

import "strings"

// regular and heavy are the widths of the characters from space to tilde in
// thousandths of the font's size. They are those of DejaVu Sans, the widest of
// the fonts that system-ui commonly stands for: what fits by them fits in the
// others, too.
func regular() [95]int {
	return [...]int{
		318, 401, 460, 838, 637, 951, 780, 275, 391, 391, 500, 838, 318, 361, 318, 337, 637, 637, 637, 637, 637, 637, 637, 637,
		637, 637, 337, 337, 838, 838, 838, 531, 1000, 685, 687, 699, 771, 632, 576, 775, 752, 295, 295, 656, 558, 863, 749, 788,
		604, 788, 695, 635, 611, 732, 685, 989, 686, 611, 686, 391, 337, 391, 838, 500, 500, 613, 635, 550, 635, 616, 353, 635,
		634, 278, 278, 580, 278, 975, 634, 612, 635, 635, 412, 521, 393, 634, 592, 818, 592, 592, 525, 637, 337, 637, 838,
	}
}

func heavy() [95]int {
	return [...]int{
		349, 457, 521, 838, 696, 1002, 873, 307, 458, 458, 523, 838, 380, 416, 380, 366, 696, 696, 696, 696, 696, 696, 696, 696,
		696, 696, 400, 400, 838, 838, 838, 581, 1000, 774, 763, 734, 831, 684, 684, 821, 837, 373, 373, 775, 638, 996, 837, 851,
		733, 851, 771, 721, 683, 813, 774, 1104, 771, 725, 726, 458, 366, 458, 838, 500, 500, 675, 716, 593, 716, 679, 436, 716,
		712, 343, 343, 666, 343, 1042, 712, 688, 716, 716, 494, 596, 479, 712, 652, 924, 646, 652, 583, 712, 366, 712, 838,
	}
}

// width is how wide a text is at most. A character beyond ASCII counts as wide
// as the size of the font.
func width(text string, size float64, bold bool) float64 {
	widths := regular()
	if bold {
		widths = heavy()
	}
	sum := 0
	for _, r := range text {
		if r >= ' ' && r <= '~' {
			sum += widths[r-' ']
		} else {
			sum += 1000
		}
	}
	return float64(sum) * size / 1000
}

// fit shortens a text to a width, with an ellipsis for what is left out.
func fit(text string, limit, size float64, bold bool) string {
	return shorten(text, limit, size, bold, 0)
}

// fitName shortens a name in its middle: its end, a number, tells it from
// those beside it.
func fitName(text string, limit, size float64) string { return shorten(text, limit, size, true, 5) }

// shorten keeps the last runes of a text, and of those before what fits.
func shorten(text string, limit, size float64, bold bool, keep int) string {
	if width(text, size, bold) <= limit {
		return text
	}
	runes := []rune(text)
	tail := "…" + string(runes[max(len(runes)-keep, 0):])
	head := runes[:max(len(runes)-keep, 0)]
	for len(head) > 0 && width(string(head)+tail, size, bold) > limit {
		head = head[:len(head)-1]
	}
	if len(head) == 0 {
		return ""
	}
	return strings.TrimRight(string(head), " ,") + tail
}

// wrap breaks a text into lines: at spaces, behind commas, and where nothing
// else helps, within a word.
func wrap(text string, limit, size float64) []string {
	var lines []string
	line := ""
	flush := func() {
		if trimmed := strings.TrimSpace(line); trimmed != "" {
			lines = append(lines, trimmed)
		}
		line = ""
	}
	for _, word := range pieces(text) {
		if width(line+strings.TrimRight(word, " "), size, false) > limit {
			flush()
		}
		for width(strings.TrimRight(word, " "), size, false) > limit {
			runes := []rune(word)
			n := len(runes)
			for n > 1 && width(string(runes[:n]), size, false) > limit {
				n--
			}
			lines = append(lines, string(runes[:n]))
			word = string(runes[n:])
		}
		line += word
	}
	flush()
	return lines
}

// pieces are the parts of a text between which a line may end.
func pieces(text string) []string {
	var out []string
	start := 0
	for i, r := range text {
		if r == ' ' || r == ',' && i+1 < len(text) && text[i+1] != ' ' {
			out = append(out, text[start:i+1])
			start = i + 1
		}
	}
	return append(out, text[start:])
}
