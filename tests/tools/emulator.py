"""moto's AWS emulator with the public things of AWS that it lacks: Ubuntu's current images and the SSM parameters naming them."""

from moto.core.responses import ActionResult
from moto.ec2.models import amis
from moto.iam.responses import IamResponse
from moto.route53.responses import Route53
from moto.server import main
from moto.ssm.models import Parameter, ParameterDict
from moto.ssm.responses import SimpleSystemManagerResponse

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

main()
