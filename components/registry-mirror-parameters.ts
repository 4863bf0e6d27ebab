import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { ServerCertificate } from "./certificates";
import type { Tags } from "./instance";

/** What a registry mirror reads at boot. */
export interface RegistryMirrorParametersArgs {
  /** SSM path, e.g. `/gitlab-runner-fleet/dev/registry-mirror`. */
  path: string;
  dockerHub?: { username: pulumi.Input<string>; password: pulumi.Input<string> } | undefined;
  certificate?: pulumi.Output<ServerCertificate> | undefined;
  layerCachePassword?: pulumi.Output<string> | undefined;
  tags: Tags;
}

/** The registries' certificate, from random bytes that the stack keeps: replacing these makes another one. */
export function makeCertificate(
  name: string,
  host: string,
  parent: pulumi.Resource,
): pulumi.Output<ServerCertificate> {
  const seed = (part: string) => new random.RandomBytes(`${name}-${part}`, { length: 32 }, { parent }).base64;
  return pulumi.all([seed("authority-seed"), seed("certificate-seed")]).apply(async ([authority, server]) => {
    // Loaded when it is needed, for it takes a while.
    const { serverCertificate } = await import("./certificates");
    return serverCertificate(host, { authority, server });
  });
}

/** The parameters, all below the path that the mirror's role may read. */
export function registryMirrorParameters(
  name: string,
  args: RegistryMirrorParametersArgs,
  parent: pulumi.Resource,
): aws.ssm.Parameter[] {
  const parameter = (
    suffix: string,
    key: string,
    description: string,
    content: { value: pulumi.Input<string> } | { insecureValue: pulumi.Input<string> },
  ) =>
    new aws.ssm.Parameter(
      `${name}-${suffix}`,
      {
        name: `${args.path}/${key}`,
        type: "value" in content ? "SecureString" : "String",
        description,
        ...content,
        tags: { ...args.tags },
      },
      { parent },
    );

  const httpSecret = new random.RandomPassword(
    `${name}-http-secret`,
    { length: 32, special: false },
    { parent },
  );
  const parameters = [
    parameter("http-secret-parameter", "http-secret", "Signs upload states of the layer cache", {
      value: httpSecret.result,
    }),
  ];
  const { dockerHub, certificate, layerCachePassword } = args;
  if (dockerHub) {
    parameters.push(
      parameter("docker-hub-username", "docker-hub-username", "Docker Hub account of the registry mirror", {
        insecureValue: dockerHub.username,
      }),
      parameter(
        "docker-hub-password",
        "docker-hub-password",
        "Password or access token of the Docker Hub account",
        { value: pulumi.secret(dockerHub.password) },
      ),
    );
  }
  if (certificate) {
    parameters.push(
      parameter("certificate", "certificate", "Certificate of the registries", {
        insecureValue: pulumi.unsecret(certificate.certificate),
      }),
      parameter("private-key", "private-key", "Private key of the registries' certificate", {
        value: certificate.privateKey,
      }),
    );
  }
  if (layerCachePassword) {
    parameters.push(
      parameter(
        "layer-cache-password-parameter",
        "layer-cache-password",
        "Writes protected refs of the layer cache",
        { value: layerCachePassword },
      ),
    );
  }
  return parameters;
}
