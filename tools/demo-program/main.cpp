// viaduct-demo: draws a Mandelbrot set on the GPU, compares every byte with the CPU's calculation
// and writes a picture. An ordinary Vulkan program: tools/demo runs it in a guest.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "tools/demo-program/png_file.h"
#include "tools/demo-program/report.h"

namespace viaduct::demo {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    uint32_t width = 640;
    uint32_t height = 480;
    uint32_t frames = 1;
    std::string picture;
    std::string report;
    std::string table;  // print the table of this report instead of drawing
    std::string stats;
};

Options parse_options(int argc, char** argv) {
    Options options;
    CLI::App app("Draws a Mandelbrot set on the GPU and checks every byte.", "viaduct-demo");
    app.add_option("--width", options.width)->check(CLI::Range(16, 16384))->capture_default_str();
    app.add_option("--height", options.height)->check(CLI::Range(16, 16384))->capture_default_str();
    app.add_option("--frames", options.frames, "steps of a zoom")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_option("--picture", options.picture, "write the last frame to this PNG file");
    app.add_option("--report", options.report, "write names, counters and times to this JSON file");
    auto* table =
        app.add_option("--table", options.table, "draw nothing: print the table of this report");
    app.add_option("--stats", options.stats, "with --table: the loopback's counters (JSON)")
        ->needs(table);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    return options;
}

size_t wrong_bytes(std::span<const uint32_t> expected, std::span<const uint32_t> actual) {
    const auto want = std::as_bytes(expected);
    const auto got = std::as_bytes(actual);
    size_t wrong = 0;
    for (size_t i = 0; i < want.size(); ++i) wrong += want[i] != got[i] ? 1 : 0;
    return wrong;
}

int draw(const Options& options) {
    Report report;
    const auto start = Clock::now();
    const vulkan::Device device;
    GpuPicture gpu(device, options.width, options.height);
    report.setup = Clock::now() - start;
    const auto& identity = device.identity();
    report.device = identity.device;
    report.driver = identity.driver + ", " + identity.version;
    std::printf("%s (%s)\n", report.device.c_str(), report.driver.c_str());

    const Palette palette = make_palette();
    size_t wrong = 0;
    std::vector<uint32_t> pixels;
    for (uint32_t frame = 0; frame < options.frames; ++frame) {
        const View view = view_of_frame(frame, options.width, options.height);
        const auto drawn = gpu.draw(view, palette);
        pixels.assign(drawn.begin(), drawn.end());
        const auto check_start = Clock::now();
        wrong += wrong_bytes(mandelbrot(view, palette), pixels);
        report.check += Clock::now() - check_start;
        report.bytes += pixels.size() * sizeof(uint32_t);
        std::printf("frame %u of %u\n", frame + 1, options.frames);
        std::fflush(stdout);
    }
    report.frames = options.frames;
    report.submissions = gpu.submissions();
    report.gpu = gpu.times();

    bool written = true;
    if (!options.picture.empty())
        written = write_png(options.picture, options.width, options.height, pixels);
    if (written && !options.report.empty()) written = write_report(options.report, report);
    if (wrong != 0) {
        std::printf("%zu of %zu bytes WRONG\n", wrong, static_cast<size_t>(report.bytes));
        return EXIT_FAILURE;
    }
    std::printf("all %zu bytes correct\n", static_cast<size_t>(report.bytes));
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace viaduct::demo

int main(int argc, char** argv) {
    const auto options = viaduct::demo::parse_options(argc, argv);
    if (!options.table.empty())
        return viaduct::demo::print_table(options.table, options.stats) ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
    try {
        return viaduct::demo::draw(options);
    } catch (const viaduct::vulkan::Error& error) {
        std::fprintf(stderr, "viaduct-demo: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
