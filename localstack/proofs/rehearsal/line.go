package rehearsal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// line is a synthesized pipeline: what CodePipeline would be told to do.
type line struct {
	stages   []stage
	projects map[string]project // of CodeBuild, by logical id
}

type stage struct {
	Name    string
	Actions []action
}

// action is one step of a stage. What has the same order may run at the same time; here it
// runs one after the other.
type action struct {
	Name           string
	RunOrder       int
	Namespace      string
	ActionTypeID   struct{ Category, Provider string } `json:"ActionTypeId"`
	InputArtifacts []struct{ Name string }
	Configuration  struct {
		ActionMode, StackName, ChangeSetName string
		EnvironmentVariables                 string // a JSON list of variables
		ProjectName                          struct{ Ref string }
	}
}

// variable is one of a build's environment.
type variable struct {
	Name, Type string
	Value      string
}

// project is what a build runs.
type project struct {
	Environment struct{ EnvironmentVariables []variable }
	Source      struct{ BuildSpec string }
}

// readLine reads the pipeline of an assembly.
func readLine(assembly string) (line, error) {
	out := line{projects: map[string]project{}}
	raw, err := os.ReadFile(filepath.Join(assembly, pipelineName+".template.json"))
	if err != nil {
		return out, err
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		return out, err
	}
	for id, r := range template.Resources {
		switch r.Type {
		case "AWS::CodeBuild::Project":
			var p project
			if err := json.Unmarshal(r.Properties, &p); err != nil {
				return out, fmt.Errorf("%s: %w", id, err)
			}
			out.projects[id] = p
		case "AWS::CodePipeline::Pipeline":
			var p struct{ Stages []stage }
			if err := json.Unmarshal(r.Properties, &p); err != nil {
				return out, fmt.Errorf("%s: %w", id, err)
			}
			out.stages = p.Stages
		}
	}
	for _, s := range out.stages {
		slices.SortStableFunc(s.Actions, func(a, b action) int { return a.RunOrder - b.RunOrder })
	}
	if len(out.stages) == 0 {
		return out, fmt.Errorf("%s has no pipeline", assembly)
	}
	return out, nil
}

// build is the action of that name, which runs a build.
func (l line) build(name string) (action, error) {
	for _, s := range l.stages {
		for _, a := range s.Actions {
			if strings.HasSuffix(a.Name, name) && a.ActionTypeID.Provider == codeBuild {
				return a, nil
			}
		}
	}
	return action{}, fmt.Errorf("the pipeline has no build %s", name)
}

// commands are those of a build. Its install phase is left out: it installs what the build
// image lacks, and make has installed the same on this machine.
func (p project) commands(folder string) ([]string, error) {
	raw := []byte(p.Source.BuildSpec)
	if name := p.Source.BuildSpec; !strings.HasPrefix(name, "{") { // a file of the assembly, which is JSON all the same
		var err error
		if raw, err = os.ReadFile(filepath.Join(folder, name)); err != nil {
			return nil, err
		}
	}
	var spec struct {
		Phases struct{ Build struct{ Commands []string } }
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, fmt.Errorf("a build's commands: %w", err)
	}
	return spec.Phases.Build.Commands, nil
}

// variables are those of an action's build: the project's, then the action's own.
func (l line) variables(a action) ([]variable, error) {
	out := slices.Clone(l.projects[a.Configuration.ProjectName.Ref].Environment.EnvironmentVariables)
	if a.Configuration.EnvironmentVariables == "" {
		return out, nil
	}
	var own []variable
	err := json.Unmarshal([]byte(a.Configuration.EnvironmentVariables), &own)
	return append(out, own...), err
}

// stackOf is the stack whose outputs have that namespace.
func (l line) stackOf(namespace string) string {
	for _, s := range l.stages {
		for _, a := range s.Actions {
			if a.Namespace == namespace {
				return a.Configuration.StackName
			}
		}
	}
	return ""
}
