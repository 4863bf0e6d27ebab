"""moto's AWS emulator with things of AWS that it lacks: Ubuntu's current images and the SSM parameters naming them, a Lambda runtime.

emulator.py FILE PORT: it ends by itself when FILE is gone.
"""

import json
import os
import random
import sys
import threading
import time
from pathlib import Path

from lambda_runtime import run
from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState
from moto.awslambda.models import LambdaFunction
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import amis
from moto.ec2.models.instances import Instance
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.utils import convert_tag_spec, filter_dict_attribute_mapping, parse_user_data
from moto.iam.responses import IamResponse
from moto.route53.responses import Route53
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ssm.models import Parameter, ParameterDict
from moto.ssm.responses import SimpleSystemManagerResponse
from waitress import serve

IMAGES = {
    "amd64": {"ami_id": "ami-0a24040000000a64a", "architecture": "x86_64"},
    "arm64": {"ami_id": "ami-0a24040000000a64b", "architecture": "arm64"},
}

for architecture, image in IMAGES.items():
    amis.AMIS.append(
        {
            **image,
            "name": f"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{architecture}-server-20260801",
            "description": f"Canonical, Ubuntu, 24.04, {architecture} noble image",
            "owner_id": "099720109477",
            "image_location": f"099720109477/ubuntu-noble-24.04-{architecture}-server",
            "state": "available",
            "public": True,
            "image_type": "machine",
            "platform": None,
            "virtualization_type": "hvm",
            "hypervisor": "xen",
            "root_device_type": "ebs",
            "root_device_name": "/dev/sda1",
            "sriov": "simple",
        }
    )

CANONICAL = "/aws/service/canonical/"
check_loading_status = ParameterDict._check_loading_status


def load_canonical(self: ParameterDict, key: str) -> None:
    check_loading_status(self, key)
    if not str(key).startswith(CANONICAL) or dict.__contains__(self, canonical_name("amd64")):
        return
    for architecture, image in IMAGES.items():
        name = canonical_name(architecture)
        parameter = Parameter(
            account_id=self.account_id,
            name=name,
            value=image["ami_id"],
            parameter_type="String",
            description=None,
            allowed_pattern=None,
            keyid=None,
            last_modified_date=0,
            version=1,
            data_type="aws:ec2:image",
        )
        dict.__setitem__(self, name, [parameter])


def canonical_name(architecture: str) -> str:
    return f"{CANONICAL}ubuntu/server/24.04/stable/current/{architecture}/hvm/ebs-gp3/ami-id"


ParameterDict._check_loading_status = load_canonical

# With access control on, moto asks a policy about the resource "*". SSM asks about the path that is read.
authorize = SimpleSystemManagerResponse._authenticate_and_authorize_normal_action


def authorize_path(self: SimpleSystemManagerResponse, resource: str) -> None:
    if self._get_action() == "GetParametersByPath":
        resource = f"arn:aws:ssm:{self.region}:{self.current_account}:parameter{self._get_param('Path')}"
    authorize(self, resource)


SimpleSystemManagerResponse._authenticate_and_authorize_normal_action = authorize_path

# A zone that is made with a VPC is a private one, and says which VPCs it has.
get_bool_param = Route53._get_bool_param
get_hosted_zone = Route53.get_hosted_zone


def is_private(self: Route53, name: str, default: bool | None = None) -> bool | None:
    if name == "HostedZoneConfig.PrivateZone" and self._get_param("VPC.VPCId"):
        return True
    return get_bool_param(self, name, default)


def zone_with_vpcs(self: Route53) -> ActionResult:
    answer = get_hosted_zone(self)
    vpcs = answer.result["VPCs"] or []
    answer.result["VPCs"] = [{"VPCId": vpc["vpc_id"], "VPCRegion": vpc["vpc_region"]} for vpc in vpcs]
    return answer


Route53._get_bool_param = is_private
Route53.get_hosted_zone = zone_with_vpcs

# Asked before a user is deleted with all that it has.
IamResponse.list_service_specific_credentials = lambda self: ActionResult({"ServiceSpecificCredentials": []})

# An interface that is made with an instance goes with it.
prepare_interfaces = Instance.prep_nics


def prepare_own_interfaces(self: Instance, *args: object, **named: object) -> None:
    prepare_interfaces(self, *args, **named)
    for interface in self.nics.values():
        interface.delete_on_termination = True


Instance.prep_nics = prepare_own_interfaces

# What is terminated is not stopped any more.
stop = Instance.stop


def stop_what_lives(self: Instance) -> object:
    if self._state.name == "terminated":
        raise EC2ClientError(
            "IncorrectInstanceState",
            f"This instance '{self.id}' is not in a state from which it can be stopped.",
        )
    return stop(self)


Instance.stop = stop_what_lives

# An endpoint that gets further route tables is in them, and leaves those that it loses.
modify_endpoint = VPCBackend.modify_vpc_endpoint


def modify_endpoint_and_routes(self: VPCBackend, vpc_id: str, *args: object, **named: object) -> None:
    endpoint = self.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])[0]
    before = set(endpoint.route_table_ids)
    modify_endpoint(self, vpc_id, *args, **named)
    after = set(endpoint.route_table_ids)
    prefix_list = endpoint.destination_prefix_list_id
    for table in after - before:
        self.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
    for table in before - after:
        self.delete_route(table, prefix_list)


VPCBackend.modify_vpc_endpoint = modify_endpoint_and_routes

# A NAT gateway takes its interface with it.
delete_gateway = NatGatewayBackend.delete_nat_gateway


def delete_gateway_and_interface(self: NatGatewayBackend, nat_gateway_id: str) -> NatGateway:
    gateway = delete_gateway(self, nat_gateway_id)
    self.delete_network_interface(gateway._eni.id)
    return gateway


NatGatewayBackend.delete_nat_gateway = delete_gateway_and_interface

# A launch template's own tags are no part of what it launches, and each of its versions may have user data.
create_version = LaunchTemplate.create_version


def create_version_as_given(self: LaunchTemplate, data: dict, description: str) -> LaunchTemplateVersion:
    specifications = [
        specification
        for specification in data.get("TagSpecifications", [])
        if specification["ResourceType"] != "launch-template"
    ]
    user_data = data.get("UserData")
    if isinstance(user_data, str):
        user_data = parse_user_data(user_data)
    data = {**data, "TagSpecifications": specifications, "UserData": user_data}
    return create_version(self, data, description)


LaunchTemplate.create_version = create_version_as_given

# An Auto Scaling group's instance is all that its launch template's version says.
launch = FakeAutoScalingGroup.replace_autoscaling_group_instances


def launch_by_template(self: FakeAutoScalingGroup, count_needed: int, propagated_tags: dict) -> None:
    if self.ec2_launch_template is None:
        launch(self, count_needed, propagated_tags)
        return
    version = self.ec2_launch_template.get_version(self.launch_template_version)
    data = version.data
    interface = (data.get("NetworkInterfaces") or [{}])[0]
    profile = data.get("IamInstanceProfile", {})
    tags = convert_tag_spec(data["TagSpecifications"])
    group = {"aws:autoscaling:groupName": self.name}
    subnets = self.vpc_zone_identifier.split(",") if self.vpc_zone_identifier else [None]
    reservation = self.ec2_backend.run_instances(
        data["ImageId"],
        count_needed,
        data["UserData"],
        data.get("SecurityGroups", []),
        security_group_ids=data.get("SecurityGroupIds") or interface.get("Groups", []),
        associate_public_ip=interface.get("AssociatePublicIpAddress"),
        subnet_id=random.choice(subnets),
        placement=random.choice(self.availability_zones),
        region_name=self.region,
        instance_type=data["InstanceType"],
        is_instance_type_default=False,
        key_name=data.get("KeyName"),
        metadata_options=data.get("MetadataOptions", {}),
        launch_template={"LaunchTemplateId": version.template.id, "Version": version.number},
        tags={**tags, "instance": {**tags.get("instance", {}), **propagated_tags, **group}},
        **({"block_device_mappings": mappings} if (mappings := data.get("BlockDeviceMappings")) else {}),
    )
    for instance in reservation.instances:
        if profile:
            self.ec2_backend.associate_iam_instance_profile(
                instance_id=instance.id,
                iam_instance_profile_arn=profile.get("Arn"),
                iam_instance_profile_name=profile.get("Name"),
            )
        instance.autoscaling_group = self
        self.instance_states.append(
            InstanceState(instance, protected_from_scale_in=self.new_instances_protected_from_scale_in)
        )


FakeAutoScalingGroup.replace_autoscaling_group_instances = launch_by_template


# Instances can be asked for by their instance profile.
filter_dict_attribute_mapping["iam-instance-profile.arn"] = "iam_instance_profile.Arn"

# A function runs for real. It asks the emulator for things, which therefore answers others meanwhile.
answering = threading.Lock()


def invoke(self: LambdaFunction, event: object = None) -> tuple[str, bool, str]:
    answering.release()
    try:
        answer, is_error, said = run(self, event, f"http://127.0.0.1:{port}")
    finally:
        answering.acquire()
    if self.logs_group_name in self.logs_backend.groups:
        self.save_logs(said)
    return json.dumps(answer), is_error, said


LambdaFunction._invoke_lambda = invoke


def end_without(file: Path) -> None:
    while file.exists():
        time.sleep(0.2)
    os._exit(0)


file, port = sys.argv[1:]
threading.Thread(target=end_without, args=[Path(file)], daemon=True).start()
emulate = DomainDispatcherApplication(create_backend_app)


def answer_alone(environment: dict[str, object], start_response: object) -> list[bytes]:
    with answering:
        answer = emulate(environment, start_response)
        try:
            return list(answer)
        finally:
            answer.close()


# Not in moto's own server, which sends an answer in pieces: AWS's SDK for Go then sometimes breaks off, asks a second time, and what was
# done already fails. One answer at a time, because moto's models are not made for several.
serve(answer_alone, host="127.0.0.1", port=int(port), threads=16, send_bytes=1 << 20)
