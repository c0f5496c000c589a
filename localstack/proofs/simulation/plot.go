package simulation

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// Draw writes one SVG for each story into dir: its calls, what was shown of the fleet, and its open mail, by fixed
// timers and paced.
func Draw(dir string, results []*Result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := 0; i+1 < len(results); i += 2 {
		path := filepath.Join(dir, "scale-"+results[i].Story+".svg")
		if err := os.WriteFile(path, []byte(plot(results[i], results[i+1])), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// The sizes of a plot, in pixels.
const (
	plotWidth, panelHeight   = 760.0, 130.0
	leftMargin, rightMargin  = 64.0, 28.0
	topMargin, panelGap      = 72.0, 40.0
	bottomMargin             = 40.0
	fixedColour, pacedColour = "#b45309", "#1d4ed8"
)

// panel is one diagram of a plot.
type panel struct {
	title        string
	fixed, paced []float64
	top          float64 // of the axis; 0: what the lines need
	label        func(float64) string
}

func plot(fixed, paced *Result) string {
	panels := []panel{
		{"calls a second, mean of ten seconds", tens(fixed.Calls), tens(paced.Calls), 0, short},
		{"share of the fleet that was recorded online or degraded", fixed.Online, paced.Online, 1, percent},
		{"open messages", floats(fixed.Backlog), floats(paced.Backlog), 0, short},
	}
	height := topMargin + float64(len(panels))*(panelHeight+panelGap) - panelGap + bottomMargin
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%[1]g" height="%g" `+
		`font-family="system-ui, sans-serif" font-size="12" fill="#1f2937" role="img">`+"\n", plotWidth, height, height)
	fmt.Fprintf(&svg, "<title>%s: %s</title>\n", fixed.Story, fixed.Does)
	fmt.Fprintf(&svg, `<rect width="%g" height="%g" fill="#ffffff"/>`+"\n", plotWidth, height)
	fmt.Fprintf(&svg, `<text x="%g" y="20" font-size="14" font-weight="600">%s: %s</text>`+"\n",
		leftMargin, short(float64(fixed.Agents))+" agents", fixed.Does)
	for i, name := range []string{"fixed timers", "paced"} {
		x := leftMargin + float64(i)*120
		fmt.Fprintf(&svg, `<line x1="%g" y1="36" x2="%g" y2="36" stroke="%s" stroke-width="2"/>`+
			`<text x="%g" y="40">%s</text>`+"\n", x, x+22, []string{fixedColour, pacedColour}[i], x+28, name)
	}
	for i, p := range panels {
		p.draw(&svg, topMargin+float64(i)*(panelHeight+panelGap))
	}
	y := height - bottomMargin + 16
	for minute := 0.0; minute <= Length.Minutes(); minute += 5 {
		fmt.Fprintf(&svg, `<text x="%.1f" y="%.1f" text-anchor="middle">%g min</text>`+"\n",
			across(minute/Length.Minutes()), y, minute)
	}
	return svg.String() + "</svg>\n"
}

// across is the place of a share of the time.
func across(share float64) float64 { return leftMargin + share*(plotWidth-leftMargin-rightMargin) }

// gridLines is how many lines a panel has above its zero.
const gridLines = 2

func (p panel) draw(svg *strings.Builder, y float64) {
	top := p.top
	if top == 0 {
		top = nice(max(largest(p.fixed), largest(p.paced), 1))
	}
	fmt.Fprintf(svg, `<text x="%g" y="%.1f" fill="#4b5563">%s</text>`+"\n", leftMargin, y-6, p.title)
	for n := range gridLines + 1 {
		share := float64(n) / gridLines
		at := y + panelHeight*(1-share)
		fmt.Fprintf(svg, `<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" stroke="#e5e7eb"/>`+
			`<text x="%g" y="%.1f" text-anchor="end">%s</text>`+"\n",
			leftMargin, at, plotWidth-rightMargin, at, leftMargin-8, at+4, p.label(share*top))
	}
	line := func(values []float64, colour string) {
		var points []string
		for i, v := range values {
			points = append(points, fmt.Sprintf("%.1f,%.1f",
				across(float64(i)/float64(len(values))), y+panelHeight*(1-min(v/top, 1))))
		}
		fmt.Fprintf(svg, `<polyline fill="none" stroke="%s" stroke-width="1.6" points="%s"/>`+"\n",
			colour, strings.Join(points, " "))
	}
	line(p.fixed, fixedColour)
	line(p.paced, pacedColour)
}

// tens are the means of ten seconds each.
func tens(each []int) (out []float64) {
	for i := 0; i+10 <= len(each); i += 10 {
		sum := 0
		for _, n := range each[i : i+10] {
			sum += n
		}
		out = append(out, float64(sum)/10)
	}
	return out
}

func floats(ns []int) (out []float64) {
	for _, n := range ns {
		out = append(out, float64(n))
	}
	return out
}

func largest(vs []float64) (most float64) {
	for _, v := range vs {
		most = max(most, v)
	}
	return most
}

// nice is a round number that is not below v.
func nice(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 1.5, 2, 3, 4, 6, 8, 10} {
		if n*unit >= v {
			return n * unit
		}
	}
	return 10 * unit
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// short is a count in few letters: 2.5 k, 1 M.
func short(n float64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.3g M", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.3g k", n/1e3)
	}
	return fmt.Sprintf("%.3g", n)
}
