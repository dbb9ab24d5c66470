package packer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// artifact finds the image's id in the manifest of a build, which names it with
// its region: eu-west-1:ami-0123456789abcdef0.
func artifact(manifest []byte) (string, error) {
	var said struct {
		Builds []struct {
			Artifact string `json:"artifact_id"`
		} `json:"builds"`
	}
	if err := json.Unmarshal(manifest, &said); err != nil {
		return "", fmt.Errorf("read Packer's manifest: %w", err)
	}
	for _, build := range said.Builds {
		if _, id, found := strings.Cut(build.Artifact, ":"); found && strings.HasPrefix(id, "ami-") {
			return id, nil
		}
	}
	return "", errors.New("packer names no image")
}
