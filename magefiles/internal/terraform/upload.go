package terraform

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// Upload is an attribute by which terraform apply may upload code that dualboot
// did not deploy. Such a zip may lack the file that the deployed runtime starts.
//
// The provider uploads if the value of an attribute differs from Terraform's state,
// not if the file differs from the deployed code. Before version 5.51 it put the
// hash of the deployed code into the state, so that every deploy made
// source_code_hash differ:
// https://github.com/hashicorp/terraform-provider-aws/pull/45618
type Upload struct {
	At       token.Position // of the attribute
	Address  string
	Function string // function name
	Reason   string // "terraform apply uploads code if source_code_hash changes"
	Hint     string // how to prevent it
}

// Attributes whose change makes the provider upload code. Hashes are meant to change.
var (
	hashes    = []string{"source_code_hash", "code_sha256"}
	locations = []string{"filename", "s3_bucket", "s3_key", "s3_object_version"}
)

// uploads returns the attributes by which terraform apply may upload the code of
// an instance.
func (in *instance) uploads() []Upload {
	if in.kind == "module" {
		return in.moduleUploads()
	}
	names := slices.DeleteFunc(slices.Concat(hashes, locations), func(name string) bool { return !in.isSet(name) })
	changing := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return in.ignores(name) || slices.Contains(locations, name) && in.isConstant(name)
	})
	if len(changing) == 0 {
		return nil
	}
	return []Upload{in.upload(changing[0],
		fmt.Sprintf("terraform apply uploads code if %s changes", strings.Join(changing, " or ")),
		fmt.Sprintf("lifecycle { ignore_changes = [%s] } prevents it", strings.Join(names, ", ")))}
}

// moduleUploads is uploads for a call of terraform-aws-modules/lambda/aws.
//
// The name of the zip that it builds contains a hash of source_path and runtime
// (package.py), and its source_code_hash is that of the zip unless
// ignore_source_code_hash is set (main.tf).
func (in *instance) moduleUploads() []Upload {
	const existing, s3 = "local_existing_package", "s3_existing_package"
	switch {
	case in.isSet(s3):
		if !in.isConstant(s3) {
			return []Upload{in.upload(s3, "terraform apply uploads code if "+s3+" changes", "a constant version_id prevents it")}
		}
	case in.isSet(existing):
		if in.text("ignore_source_code_hash") != "true" {
			return []Upload{in.upload(existing, "terraform apply uploads the zip of "+existing+" if it has changed", "ignore_source_code_hash = true prevents it")}
		}
		if !in.isConstant(existing) {
			return []Upload{in.upload(existing, "terraform apply uploads code if "+existing+" changes", "a constant path prevents it")}
		}
	case in.isSet("source_path") && in.text("create_package") != "false":
		return []Upload{in.upload("source_path", "terraform apply builds and uploads the zip of source_path if that, or runtime, changes",
			"create_package = false with local_existing_package and ignore_source_code_hash = true prevents it")}
	}
	return nil
}

func (in *instance) upload(attribute, reason, hint string) Upload {
	_, at := in.get(attribute)
	return Upload{At: position(at), Address: in.address, Function: in.function, Reason: reason, Hint: hint}
}

func (in *instance) isSet(name string) bool {
	v, _ := in.get(name)
	return !v.IsNull()
}

// ignores reports whether terraform apply ignores changes of an attribute.
func (in *instance) ignores(name string) bool { return len(in.ignored([]string{name})) > 0 }

// isConstant reports whether the files determine the value of an attribute. The
// path of a module counts as constant.
func (in *instance) isConstant(name string) bool {
	v, _ := in.get(name)
	return len(origins[given](v)) == 0 && !slices.ContainsFunc(origins[cause](v), func(c cause) bool {
		return !strings.HasPrefix(c.text, "path.") && c.text != "count.index"
	})
}
