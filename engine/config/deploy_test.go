package config_test

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const deploy = "../../examples/deploy/"

type labels map[string]string

// manifest is the part of a Kubernetes document in which documents refer to each other.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		ServiceName string `yaml:"serviceName"`
		Selector    yaml.Node
		Ports       []struct {
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels labels }
			Spec     struct {
				Containers []struct {
					Args  []string
					Ports []struct{ Name string }
					Live  probe `yaml:"livenessProbe"`
					Ready probe `yaml:"readinessProbe"`

					VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
				}
				Volumes []struct{ Name string }
			}
		}
		VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// selects returns the labels that a selector wants. Services and workloads write it in different ways.
func (m *manifest) selects(t *testing.T) labels {
	t.Helper()
	var within struct {
		MatchLabels labels `yaml:"matchLabels"`
	}
	if err := m.Spec.Selector.Decode(&within); err == nil && within.MatchLabels != nil {
		return within.MatchLabels
	}
	var plain labels
	if err := m.Spec.Selector.Decode(&plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

// The documents of a Kubernetes file agree on labels, ports, volumes and probes.
func TestKubernetesManifests(t *testing.T) {
	files, err := filepath.Glob(deploy + "kubernetes*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var all []manifest
		for documents := yaml.NewDecoder(f); ; {
			var m manifest
			err := documents.Decode(&m)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all = append(all, m)
		}
		pods, ports, services := all[0].Spec.Template, map[string]bool{}, map[string]bool{}
		container, volumes := pods.Spec.Containers[0], map[string]bool{}
		for _, p := range container.Ports {
			ports[p.Name] = true
		}
		for _, v := range pods.Spec.Volumes {
			volumes[v.Name] = true
		}
		for _, v := range all[0].Spec.VolumeClaimTemplates {
			volumes[v.Metadata.Name] = true
		}
		for _, mount := range container.VolumeMounts {
			if !volumes[mount.Name] {
				t.Errorf("%s: the volume %s is mounted, but not defined", file, mount.Name)
			}
		}
		if container.Args[0] != "serve" || container.Live.HTTPGet.Path != "/healthz" || container.Ready.HTTPGet.Path != "/readyz" ||
			!ports[container.Live.HTTPGet.Port] || !ports[container.Ready.HTTPGet.Port] {
			t.Errorf("%s: the container runs %q with the probes %+v and %+v, want serve, and its health checks on its ports",
				file, container.Args, container.Live, container.Ready)
		}
		for _, m := range all {
			if m.Kind == "Service" {
				services[m.Metadata.Name] = true
			}
			if m.APIVersion == "" || !maps.Equal(m.selects(t), pods.Metadata.Labels) {
				t.Errorf("%s: the %s selects %v, the pods have %v", file, m.Kind, m.selects(t), pods.Metadata.Labels)
			}
			for _, p := range m.Spec.Ports {
				if !ports[p.TargetPort] {
					t.Errorf("%s: the %s's port %s is not one of the container's", file, m.Kind, p.TargetPort)
				}
			}
		}
		if !services[all[0].Spec.ServiceName] {
			t.Errorf("%s: serviceName is %s, and no service has this name", file, all[0].Spec.ServiceName)
		}
	}
}

// The services, volumes and load balancer of the compose file fit together, and each node has a spill folder of its own.
func TestComposeFile(t *testing.T) {
	text, err := os.ReadFile(deploy + "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Volumes     []string
			DependsOn   yaml.Node `yaml:"depends_on"`
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	balancer, err := os.ReadFile(deploy + "nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	mounted := map[string]string{}
	for name, s := range compose.Services {
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(volume, ".") {
				continue
			}
			if _, there := compose.Volumes[volume]; !there || mounted[volume] != "" {
				t.Errorf("%s: the volume %s is not there, or also %s's", name, volume, mounted[volume])
			}
			mounted[volume] = name
		}
		if strings.HasPrefix(name, "node") {
			if s.Environment["AWF_QUEUE_URL"] == "" || strings.Contains(s.Environment["AWF_QUEUE_URL"], "PASSWORD") || len(s.Command) == 0 ||
				s.Command[0] != "serve" || len(s.Volumes) != 2 {
				t.Errorf("%s: %+v", name, s)
			}
			if !strings.Contains(string(balancer), "server "+name+":8470;") {
				t.Errorf("nginx.conf has no %s", name)
			}
		}
	}
	for _, found := range regexp.MustCompile(`server (\w+):8470`).FindAllStringSubmatch(string(balancer), -1) {
		if _, there := compose.Services[found[1]]; !there {
			t.Errorf("nginx.conf names %s, which is not a service of the compose file", found[1])
		}
	}
}
