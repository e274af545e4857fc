package page_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshots writes the views, light and dark, into the folder that SCREENSHOTS names. make screenshots runs it.
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
		"plan": "/plan?what=replay&state=dead", "webhook": "/webhook?id=" + url.QueryEscape(dead[0].Delivery.Webhook),
		"run": "/run?id=3f2c9a01-8f1e-4c07-9b7a-5d8f7a1c2b3d", "config": "/config", "changes": "/changes", "tail": "/tail",
		"playground": "/playground?delivery=" + dead[0].Delivery.ID,
	}
	width := int64(1100)
	for name, path := range views {
		for _, scheme := range []string{"light", "dark"} {
			b.do(t, sized(width),
				call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}),
				chromedp.Navigate(s.url+path), chromedp.WaitVisible("main"))
			shot, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), small(t, shot), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if list := b.complained("404"); list != nil {
		t.Errorf("the browser complains of %q", list)
	}
}

// small reduces a picture to its 256 most frequent colours. The views hardly have more.
func small(t *testing.T, text []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	times := map[color.RGBA]int{}
	bounds := full.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			times[color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(times), func(a, b color.RGBA) int { return times[b] - times[a] })
	var palette color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		palette = append(palette, c)
	}
	flat := image.NewPaletted(bounds, palette)
	draw.Draw(flat, bounds, full, bounds.Min, draw.Src)
	var packed bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, flat); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
