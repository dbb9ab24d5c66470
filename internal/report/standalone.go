package report

import "strings"

// Standalone is a picture as a file of its own: checked as every picture of a
// page is, and with the page's colours, light and dark, in it.
func Standalone(svg string) (string, error) {
	checked, err := picture(svg)
	if err != nil {
		return "", err
	}
	head, rest, _ := strings.Cut(string(checked), ">")
	head = strings.Replace(head, "<svg", `<svg xmlns="http://www.w3.org/2000/svg"`, 1)
	return head + "><style>\n" + pageCSS + "</style>" + rest + "\n", nil
}
