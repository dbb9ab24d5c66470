"""The one list of everything in which this emulator differs from moto."""

from __future__ import annotations

from awsapi import (
    cloudtrail,
    conditional,
    elastic,
    emr,
    emrpolicies,
    emrsteps,
    groups,
    iam,
    images,
    instances,
    interfaces,
    logs,
    metadata,
    network,
    policies,
    rds,
    route53,
    s3,
    snapshots,
    states,
    tagging,
    templates,
    volumes,
)
from awsapi.patching import Emulator

# In the order in which they are applied: where two replace one function, the
# later one is the outer one. Each function's docstring names the deviation,
# the number in front is that of the test.
CORRECTIONS = (
    interfaces.private_addresses_come_from_the_subnet,
    interfaces.interfaces_of_an_instance_die_with_it,
    interfaces.groups_follow_the_first_interface,
    groups.rules_keep_their_description,
    groups.rules_of_every_kind_can_change,
    elastic.public_addresses_come_from_the_sandbox,
    elastic.moving_an_address_takes_it_from_the_old_interface,
    elastic.an_elastic_address_survives_a_stop,
    network.nat_gateways_give_back_their_address,
    volumes.a_volume_in_use_stays_where_it_is,
    volumes.root_volumes_are_those_of_the_image,
    snapshots.snapshots_take_their_time,
    snapshots.only_complete_snapshots_are_used,
    network.flow_logs_may_have_a_prefix,
    network.dhcp_options_keep_their_tags,
    instances.monitoring_can_be_switched,
    instances.instances_without_a_subnet_stand_in_the_default_one,
    instances.attributes_change_one_at_a_time,
    cloudtrail.trails_are_known_by_arn,
    cloudtrail.trails_are_described_by_name,
    logs.groups_change_their_key,
    rds.instances_in_a_network_are_restored,
    rds.what_is_restored_is_not_protected,
    route53.a_zone_with_a_vpc_is_private,
    emr.the_region_is_that_of_the_caller,
    emr.clusters_take_their_time,
    emr.instances_live_in_the_clusters_subnet,
    emrpolicies.policies_are_kept,
    emrpolicies.security_configurations_are_listed,
    emr.settings_are_shown,
    emr.instance_groups_have_ids,
    emr.supported_types_are_known,
    emrsteps.steps_are_worked_on,
    emrsteps.clusters_report,
    templates.a_templates_tags_are_its_own,
    policies.conditions_are_evaluated,
    s3.log_targets_may_have_any_policy,
    s3.authorisation_knows_the_bucket_policy,
    s3.life_cycles_are_kept_whole,
    s3.delete_markers_go_with_their_key,
    conditional.writes_are_conditional,
    conditional.etags_of_encrypted_objects_are_unique,
    iam.signatures_are_not_checked,
    iam.resources_and_their_tags_are_known,
    tagging.all_taggable_resources_are_listed,
    states.transitions_wait_for_the_host,
    states.stops_remember_how,
    metadata.console_output_is_the_hosts,
    images.images_load_in_every_region,
    images.images_of_instances_take_their_time,
)


def apply(emulator: Emulator) -> None:
    """Corrects moto in this process. Call once, before anything is served."""
    for correction in CORRECTIONS:
        correction(emulator)
