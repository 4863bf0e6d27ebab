/** What is printed when the environment is up. */
export const nextSteps = (url: string) =>
  `The environment is up in the AWS emulator at ${url}. What to look at next:
  npm run local -- outputs   what other stacks may use
  ${url}/moto-api/   everything that the emulator holds
  AWS_ACCESS_KEY_ID=emulator AWS_SECRET_ACCESS_KEY=emulator aws --endpoint-url ${url} --region eu-west-1 ec2 describe-instances
  npm run local              again, after a change of Pulumi.local.yaml or of the program
  npm run local -- down      when you are done`;
