"""The EC2 data source without its search for EC2.

cloud-init recognises EC2 by firmware tables that a container does not have,
and then neither asks for a metadata token (which instances require) nor reads
the metadata before the network is up (which it is from the start here).
"""

from cloudinit import sources
from cloudinit.sources import DataSourceEc2 as ec2


class DataSourceInfra(ec2.DataSourceEc2):
    dsname = "Ec2"

    def _get_cloud_name(self):
        return ec2.CloudNames.AWS


datasources = [(DataSourceInfra, (sources.DEP_FILESYSTEM,))]


def get_datasource_list(depends):
    return sources.list_from_depends(depends, datasources)
