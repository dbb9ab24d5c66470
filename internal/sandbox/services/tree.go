package services

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"infra/internal/sandbox/emulator"
)

// Tree is what the metadata service answers below a version, as EC2 does:
// paths of leaves ("meta-data/placement/region") and their contents. The
// credentials of the role are a leaf with empty content; only their name is
// part of the tree.
type Tree struct {
	leaves map[string]string
	// key is the name of the key pair, listed beside its number.
	key string
}

// credentialsFolder holds one leaf, named after the instance's role.
const credentialsFolder = "meta-data/iam/security-credentials"

// MetadataTree is the tree of an instance. Its user data that is not valid
// base64 is served as it is.
func MetadataTree(snapshot emulator.Snapshot, instance emulator.Instance) Tree {
	tree := Tree{leaves: map[string]string{}, key: instance.KeyName}
	tree.identity(instance)
	tree.addresses(snapshot, instance)
	tree.devices(instance)
	tree.role(instance)
	if instance.KeyName != "" {
		tree.leaves["meta-data/public-keys/0/openssh-key"] = strings.TrimSpace(instance.PublicKey) + "\n"
	}
	if instance.MetadataTags {
		for key, value := range instance.Tags {
			if servedTag(key) {
				tree.leaves["meta-data/tags/instance/"+key] = value
			}
		}
	}
	if instance.UserData != "" {
		tree.leaves["user-data"] = decodedUserData(instance.UserData)
	}
	return tree
}

func (t Tree) identity(instance emulator.Instance) {
	host := hostName(instance.PrimaryAddress, instance.Region)
	for path, value := range map[string]string{
		"ami-id":                      instance.Image,
		"ami-launch-index":            "0",
		"ami-manifest-path":           "(unknown)",
		"hostname":                    host,
		"instance-action":             "none",
		"instance-id":                 instance.ID,
		"instance-life-cycle":         "on-demand",
		"instance-type":               instance.Type,
		"local-hostname":              host,
		"local-ipv4":                  instance.PrimaryAddress,
		"mac":                         strings.ToLower(instance.MAC),
		"placement/availability-zone": instance.Zone,
		"placement/region":            instance.Region,
		"profile":                     "default-hvm",
		"services/domain":             "amazonaws.com",
		"services/partition":          "aws",
	} {
		t.leaves["meta-data/"+path] = value
	}
	t.leaves["dynamic/instance-identity/document"] = asJSON(identityDocument{
		AccountID: instance.Account, Architecture: "x86_64", AvailabilityZone: instance.Zone,
		ImageID: instance.Image, InstanceID: instance.ID, InstanceType: instance.Type,
		PendingTime: instance.Launched.UTC().Format(time.RFC3339),
		PrivateIP:   instance.PrimaryAddress, Region: instance.Region, Version: "2017-09-30",
	})
}

// identityDocument is EC2's, in its own order; what the sandbox has no notion
// of is null there as well.
type identityDocument struct {
	AccountID               string   `json:"accountId"`
	Architecture            string   `json:"architecture"`
	AvailabilityZone        string   `json:"availabilityZone"`
	BillingProducts         []string `json:"billingProducts"`
	DevpayProductCodes      []string `json:"devpayProductCodes"`
	MarketplaceProductCodes []string `json:"marketplaceProductCodes"`
	ImageID                 string   `json:"imageId"`
	InstanceID              string   `json:"instanceId"`
	InstanceType            string   `json:"instanceType"`
	KernelID                *string  `json:"kernelId"`
	PendingTime             string   `json:"pendingTime"`
	PrivateIP               string   `json:"privateIp"`
	RamdiskID               *string  `json:"ramdiskId"`
	Region                  string   `json:"region"`
	Version                 string   `json:"version"`
}

func (t Tree) addresses(snapshot emulator.Snapshot, instance emulator.Instance) {
	card := "meta-data/network/interfaces/macs/" + strings.ToLower(instance.MAC) + "/"
	for path, value := range map[string]string{
		"device-number":      "0",
		"local-hostname":     hostName(instance.PrimaryAddress, instance.Region),
		"local-ipv4s":        strings.Join(instance.PrivateAddresses, "\n"),
		"mac":                strings.ToLower(instance.MAC),
		"owner-id":           instance.Account,
		"security-group-ids": strings.Join(instance.SecurityGroups, "\n"),
		"subnet-id":          instance.Subnet,
		"vpc-id":             instance.VPC,
	} {
		t.leaves[card+path] = value
	}
	for _, subnet := range snapshot.Subnets {
		if subnet.ID == instance.Subnet {
			t.leaves[card+"subnet-ipv4-cidr-block"] = subnet.CIDR
		}
	}
	for _, vpc := range snapshot.VPCs {
		if vpc.ID == instance.VPC {
			t.leaves[card+"vpc-ipv4-cidr-block"] = vpc.CIDR
			t.leaves[card+"vpc-ipv4-cidr-blocks"] = vpc.CIDR
		}
	}
	var public []string
	for _, address := range snapshot.PublicAddresses {
		if address.Instance != instance.ID {
			continue
		}
		public = append(public, address.Address)
		t.leaves[card+"ipv4-associations/"+address.Address] = address.PrivateAddress
		if address.PrivateAddress == instance.PrimaryAddress {
			name := publicName(address.Address, instance.Region)
			t.leaves["meta-data/public-ipv4"] = address.Address
			t.leaves["meta-data/public-hostname"] = name
			t.leaves[card+"public-hostname"] = name
		}
	}
	if len(public) > 0 {
		t.leaves[card+"public-ipv4s"] = strings.Join(public, "\n")
	}
}

// devices lists the root device twice, as ami and as root, and other volumes
// as ebs1, ebs2, ... in the order of their device names.
func (t Tree) devices(instance emulator.Instance) {
	const folder = "meta-data/block-device-mapping/"
	volumes := slices.SortedFunc(slices.Values(instance.Volumes), func(a, b emulator.Attachment) int {
		return strings.Compare(a.Device, b.Device)
	})
	number := 0
	for _, volume := range volumes {
		if volume.Root {
			t.leaves[folder+"ami"] = volume.Device
			t.leaves[folder+"root"] = volume.Device
			continue
		}
		number++
		t.leaves[folder+"ebs"+strconv.Itoa(number)] = strings.TrimPrefix(volume.Device, "/dev/")
	}
}

func (t Tree) role(instance emulator.Instance) {
	if instance.RoleName == "" {
		return
	}
	t.leaves[credentialsFolder+"/"+instance.RoleName] = ""
	t.leaves["meta-data/iam/info"] = asJSON(struct {
		Code               string
		LastUpdated        string
		InstanceProfileArn string
		InstanceProfileId  string //nolint:revive // EC2's own spelling
	}{"Success", instance.Launched.UTC().Format(time.RFC3339), instance.ProfileARN, "AIPA" + strings.ToUpper(strings.TrimPrefix(instance.ID, "i-"))})
}

// Get answers a path as EC2 does: the content of a leaf, or the entries of a
// folder, a line each, sub-folders with a slash. Slashes at the end change
// nothing. The empty path is the top.
func (t Tree) Get(path string) (content string, found bool) {
	path = strings.Trim(path, "/")
	if leaf, found := t.leaves[path]; found {
		return leaf, true
	}
	prefix := path + "/"
	if path == "" {
		prefix = ""
	}
	entries := map[string]bool{}
	for leaf := range t.leaves {
		below, inside := strings.CutPrefix(leaf, prefix)
		if !inside {
			continue
		}
		name, rest, deeper := strings.Cut(below, "/")
		switch {
		case path == "meta-data/public-keys":
			entries[name+"="+t.key] = true
		case deeper && rest != "":
			entries[name+"/"] = true
		default:
			entries[name] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(entries)), "\n"), len(entries) > 0
}

// servedTag reports whether EC2 serves a tag key as a path.
func servedTag(key string) bool {
	return key != "" && key != "." && key != ".." && key != "_index" && !strings.ContainsAny(key, " /")
}

func decodedUserData(encoded string) string {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return encoded
	}
	return string(raw)
}

// hostName is the name by which the VPC's name server knows a private address.
func hostName(address, region string) string {
	dashed := "ip-" + strings.ReplaceAll(address, ".", "-")
	if region == "us-east-1" {
		return dashed + ".ec2.internal"
	}
	return fmt.Sprintf("%s.%s.compute.internal", dashed, region)
}

// publicName is the name of a public address.
func publicName(address, region string) string {
	dashed := "ec2-" + strings.ReplaceAll(address, ".", "-")
	if region == "us-east-1" {
		return dashed + ".compute-1.amazonaws.com"
	}
	return fmt.Sprintf("%s.%s.compute.amazonaws.com", dashed, region)
}

// asJSON encodes a value of strings and slices of them, which cannot fail.
func asJSON(value any) string {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return ""
	}
	return string(text)
}
