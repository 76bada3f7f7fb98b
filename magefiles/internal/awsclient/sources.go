package awsclient

import (
	"cmp"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// sources returns the settings that a configuration was loaded from: those of
// environment variables, and those of the profile.
func sources(cfg aws.Config) (variables config.EnvConfig, profile config.SharedConfig) {
	for _, source := range cfg.ConfigSources {
		switch s := source.(type) {
		case config.EnvConfig:
			variables = s
		case *config.EnvConfig:
			variables = *s
		case config.SharedConfig:
			profile = s
		case *config.SharedConfig:
			profile = *s
		}
	}
	return variables, profile
}

// ofManifest is the source of a region that lambdas.json names.
const ofManifest = "lambdas.json"

// regionSource says where the region of a configuration comes from, or returns ""
// if that is unknown.
func regionSource(cfg aws.Config, a Access) string {
	variables, profile := sources(cfg)
	switch {
	case a.Region != "":
		return ofManifest
	case variables.Region != "" && os.Getenv("AWS_REGION") != "":
		return "AWS_REGION"
	case variables.Region != "":
		return "AWS_DEFAULT_REGION"
	case profile.Region != "":
		return "profile " + profile.Profile
	}
	return ""
}

const (
	ofVariables = "export new values of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
	ofMachine   = "the credentials come from the role of this machine; check that role"
)

// renewal says how to renew the credentials of a configuration. It follows the
// order in which the SDK looks for them: config.resolveCredentialChain. It returns
// "" if nothing configures any, and then only a role of the machine has some.
func renewal(cfg aws.Config, a Access) string {
	variables, profile := sources(cfg)
	switch {
	case a.Profile != "":
	case variables.Credentials.HasKeys() && variables.Credentials.SessionToken == "":
		return "export new values of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case variables.Credentials.HasKeys():
		return ofVariables
	case variables.WebIdentityTokenFilePath != "":
		return "renew the token in the file that AWS_WEB_IDENTITY_TOKEN_FILE names: in CI, run the job again"
	}
	return renewProfile(variables, profile, a.Profile)
}

// renewProfile says how to renew the credentials of a profile, which is called
// name if it was not loaded.
func renewProfile(variables config.EnvConfig, p config.SharedConfig, name string) string {
	name = cmp.Or(p.Profile, name, "default")
	switch {
	case p.Source != nil:
		return fmt.Sprintf("profile %s assumes %s with profile %s; %s", name, p.RoleARN, p.Source.Profile, renewProfile(variables, *p.Source, p.SourceProfileName))
	case p.Credentials.HasKeys() && p.Credentials.SessionToken != "":
		return fmt.Sprintf("put new temporary keys into profile %s of the AWS credentials file", name)
	case p.Credentials.HasKeys():
		return fmt.Sprintf("run: aws configure --profile %s", name)
	case p.WebIdentityTokenFile != "":
		return fmt.Sprintf("renew the token in %s, which profile %s uses", p.WebIdentityTokenFile, name)
	case p.SSOSessionName != "" || p.SSOStartURL != "":
		return fmt.Sprintf("run: aws sso login --profile %s", name)
	case p.LoginSession != "":
		return fmt.Sprintf("run: aws login --profile %s", name)
	case p.CredentialProcess != "":
		return fmt.Sprintf("run the credential_process of profile %s by hand to see why it gives no valid credentials", name)
	case p.CredentialSource == "Ec2InstanceMetadata":
		return ofMachine
	case p.CredentialSource == "Environment":
		return ofVariables
	case p.CredentialSource != "" || variables.ContainerCredentialsRelativePath != "" || variables.ContainerCredentialsEndpoint != "":
		return "the credentials come from the role of this container; check that role"
	}
	return ""
}
