package postgresql

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"infra/internal/inventory"
)

// readEndpoint asks who holds the clients' address: EC2 for an elastic
// address, the name service as a host sees it for a name.
func readEndpoint(ctx context.Context, run Run, client *ec2.Client, hosts []inventory.Host, nodes []Node, output Output) Endpoint {
	endpoint := Endpoint{Address: output.Address}
	var holder func(Node) bool
	var err error
	if allocation := aws.ToString(output.AllocationID); allocation != "" {
		var id string
		id, err = elasticHolder(ctx, client, allocation)
		holder = func(n Node) bool { return id != "" && n.ID == id }
	} else {
		var address string
		address, err = resolve(ctx, run, hosts, nodes, output.Address)
		holder = func(n Node) bool { return n.Address == address }
	}
	if err != nil {
		endpoint.Error = gist(err)
		return endpoint
	}
	for _, n := range nodes {
		if holder(n) {
			endpoint.Holder = n.Name
		}
	}
	return endpoint
}

// elasticHolder is the instance that an elastic address is associated with,
// empty when there is none.
func elasticHolder(ctx context.Context, client *ec2.Client, allocation string) (string, error) {
	found, err := client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{allocation}})
	if err != nil {
		return "", err
	}
	if len(found.Addresses) != 1 {
		return "", errors.New("the elastic address does not exist any more")
	}
	return aws.ToString(found.Addresses[0].InstanceId), nil
}

// resolve asks a host that answered what a name means to it.
func resolve(ctx context.Context, run Run, hosts []inventory.Host, nodes []Node, name string) (string, error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return name, nil
	}
	for i, n := range nodes {
		if n.answer == nil {
			continue
		}
		output, err := run(ctx, hosts[i], nil, "getent", "ahostsv4", "--", name)
		if err != nil {
			return "", err
		}
		if fields := strings.Fields(string(output)); len(fields) > 0 {
			return fields[0], nil
		}
		return "", errors.New("the name has no address")
	}
	return "", errors.New("no host could be asked")
}
