package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// picture is an SVG as part of a page. It is written anew from what was
// understood of it, so that nothing else can get through: shapes, text and
// their looks; no script, no style sheet and no reference to anything.
func picture(svg string) (template.HTML, error) {
	var b strings.Builder
	decoder := xml.NewDecoder(strings.NewReader(svg))
	depth := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("the picture is no SVG: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 && t.Name.Local != "svg" {
				return "", fmt.Errorf("the picture is no SVG: it begins with %q", t.Name.Local)
			}
			depth++
			if err := element(&b, t); err != nil {
				return "", err
			}
		case xml.EndElement:
			depth--
			b.WriteString("</" + t.Name.Local + ">")
		case xml.CharData:
			if depth > 0 {
				b.WriteString(template.HTMLEscapeString(string(t)))
			}
		}
	}
	if b.Len() == 0 {
		return "", errors.New("the picture is empty")
	}
	return template.HTML(b.String()), nil //nolint:gosec // made of allowed elements and escaped texts alone
}

// element writes the start of an element that a picture may have.
func element(b *strings.Builder, e xml.StartElement) error {
	elements := []string{"svg", "g", "title", "desc", "path", "line", "rect", "circle", "ellipse", "polyline", "polygon", "text", "tspan"}
	if !slices.Contains(elements, e.Name.Local) {
		return fmt.Errorf("a picture may not have the element %q", e.Name.Local)
	}
	b.WriteString("<" + e.Name.Local)
	for _, a := range e.Attr {
		if a.Name.Local == "xmlns" || a.Name.Space == "xmlns" {
			continue // HTML knows what an svg is
		}
		if a.Name.Space != "" || !allowed(a.Name.Local) || strings.Contains(strings.ToLower(a.Value), "url(") {
			return fmt.Errorf("a picture may not have the attribute %s=%q", a.Name.Local, a.Value)
		}
		b.WriteString(" " + a.Name.Local + `="` + template.HTMLEscapeString(a.Value) + `"`)
	}
	b.WriteString(">")
	return nil
}

// allowed tells whether an attribute says how something looks, and no more.
func allowed(attribute string) bool {
	return slices.Contains([]string{
		"viewBox", "width", "height", "preserveAspectRatio", "role", "aria-label", "class", "transform",
		"x", "y", "x1", "y1", "x2", "y2", "dx", "dy", "r", "rx", "ry", "cx", "cy", "d", "points",
		"fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "opacity",
		"text-anchor", "dominant-baseline", "font-size", "font-weight",
	}, attribute)
}
