package main

import (
	"debug/buildinfo"
	"encoding/json"
	"runtime/debug"
	"time"
)

// component is a part of a program, in CycloneDX.
type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
}

// billOfMaterials lists, as CycloneDX JSON, the modules that a program is built from. It reads them from the program
// itself.
func billOfMaterials(binary string, r *release) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var bill struct {
		Format   string `json:"bomFormat"`
		Spec     string `json:"specVersion"`
		Version  int    `json:"version"`
		Metadata struct {
			Timestamp string    `json:"timestamp"`
			Component component `json:"component"`
		} `json:"metadata"`
		Components []component `json:"components"`
	}
	bill.Format, bill.Spec, bill.Version = "CycloneDX", "1.5", 1
	bill.Metadata.Timestamp = r.made.Format(time.RFC3339)
	bill.Metadata.Component = component{Type: "application", Name: info.Main.Path, Version: r.version, PURL: purl(info.Main.Path, r.version)}
	bill.Components = []component{{Type: "platform", Name: "go", Version: info.GoVersion, PURL: purl("stdlib", info.GoVersion[2:])}}
	for _, m := range info.Deps {
		bill.Components = append(bill.Components, partOf(m))
	}
	return json.MarshalIndent(bill, "", "  ")
}

func partOf(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	return component{Type: "library", Name: m.Path, Version: m.Version, PURL: purl(m.Path, m.Version)}
}

func purl(path, version string) string { return "pkg:golang/" + path + "@" + version }
