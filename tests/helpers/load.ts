import { resolve } from "path";
import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

const root = resolve(__dirname, "../..");

/** A Pulumi program of this project, to be run as often as a test likes, with the SDKs that are loaded already. */
export function programAt(path: string): () => unknown {
  return () => {
    let outputs: unknown;
    jest.isolateModules(() => {
      jest.doMock("@pulumi/aws", () => aws);
      jest.doMock("@pulumi/awsx", () => awsx);
      jest.doMock("@pulumi/pulumi", () => pulumi);
      jest.doMock("@pulumi/random", () => random);
      outputs = jest.requireActual(resolve(root, path));
    });
    return outputs;
  };
}
