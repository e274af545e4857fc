package page_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshots writes the views, light and dark, into the folder that SCREENSHOTS names. Make screenshots runs it.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("make screenshots runs it")
	}
	s := open(t, standard, "")
	scene(t, s)
	dead, err := s.engine.Queue().List(t.Context(), engine.Filter{State: delivery.IsDead, Webhook: "chat"})
	if err != nil || len(dead) == 0 {
		t.Fatal(dead, err)
	}
	b := browse(t)
	b.login(t, s, operateToken, "/")
	views := map[string]string{
		"overview": "/", "deliveries": "/deliveries?state=dead", "delivery": "/deliveries/" + dead[0].Delivery.ID,
		"plan": "/plan?what=replay&state=dead", "webhook": "/webhook?id=" + dead[0].Delivery.Webhook,
		"run": "/run?id=3f2c9a01-8f1e-4c07-9b7a-5d8f7a1c2b3d", "config": "/config", "changes": "/changes", "tail": "/tail",
		"playground": "/playground?delivery=" + dead[0].Delivery.ID,
	}
	width := int64(1280)
	if text := os.Getenv("WIDTH"); text != "" {
		_, _ = fmt.Sscan(text, &width)
	}
	for name, path := range views {
		if only := os.Getenv("VIEW"); only != "" && only != name {
			continue
		}
		for _, scheme := range []string{"light", "dark"} {
			b.do(t, call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 820, DeviceScaleFactor: 1}),
				call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}),
				chromedp.Navigate(s.url+path), chromedp.WaitVisible("main"))
			png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if list := b.complained("404"); list != nil {
		t.Errorf("the browser complains of %q", list)
	}
}
