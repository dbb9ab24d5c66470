package packer

import (
	"errors"
	"regexp"
)

// artifact finds the image's id in what Packer says to programs: a line such as
// 1700000000,amazon-ebs.hosts,artifact,0,id,eu-west-1:ami-0123456789abcdef0.
func artifact(said string) (string, error) {
	found := regexp.MustCompile(`(?m)^\d+,amazon-ebs\.hosts,artifact,0,id,[a-z0-9-]+:(ami-[0-9a-f]+)\s*$`).FindStringSubmatch(said)
	if found == nil {
		return "", errors.New("packer names no image")
	}
	return found[1], nil
}
