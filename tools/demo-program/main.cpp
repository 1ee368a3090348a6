// viaduct-demo: draws a scene on the GPU, compares it with the CPU's and writes a picture. An
// ordinary Vulkan program: tools/demo runs it in a guest.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <set>

#include "tools/demo-program/png_file.h"
#include "tools/demo-program/report.h"
#include "tools/demo-program/subject.h"

namespace viaduct::demo {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    uint32_t width = 640;
    uint32_t height = 480;
    uint32_t frames = 1;
    std::string scene{kSceneNames[0]};
    std::string picture;
    std::string animation;
    std::string report;
    std::string table;  // print the table of this report instead of drawing
    std::string stats;
};

Options parse_options(int argc, char** argv) {
    Options options;
    CLI::App app("Draws a scene on the GPU and compares it with the CPU's.", "viaduct-demo");
    app.add_option("--width", options.width)->check(CLI::Range(16, 16384))->capture_default_str();
    app.add_option("--height", options.height)->check(CLI::Range(16, 16384))->capture_default_str();
    app.add_option("--scene", options.scene, "mandelbrot: computed; cube, gears: drawn")
        ->check(
            CLI::IsMember(std::set<std::string>(std::begin(kSceneNames), std::end(kSceneNames))))
        ->capture_default_str();
    app.add_option("--frames", options.frames, "steps of the zoom or turn")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_option("--picture", options.picture, "write the last frame to this PNG file");
    app.add_option("--animation", options.animation,
                   "write all frames to this PNG file, which browsers play (APNG)");
    app.add_option("--report", options.report, "write names, counters and times to this JSON file");
    app.add_option("--table", options.table, "draw nothing: print the table of this report");
    app.add_option("--stats", options.stats, "draw nothing: print the loopback's counters (JSON)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    return options;
}

/// Draws and checks all frames; keeps all of them for an animation, else the last one.
Comparison draw_frames(const Options& options, Subject& subject, Report& report,
                       std::vector<std::vector<uint32_t>>& kept) {
    Comparison all;
    for (uint32_t frame = 0; frame < options.frames; ++frame) {
        const auto drawn = subject.draw(frame);
        if (options.animation.empty()) kept.clear();
        kept.emplace_back(drawn.begin(), drawn.end());
        const auto check_start = Clock::now();
        const Comparison one = subject.check(frame);
        all = {.right = all.right && one.right, .summary = one.summary};
        report.check += Clock::now() - check_start;
        report.bytes += drawn.size_bytes();
        std::printf("frame %u of %u\n", frame + 1, options.frames);
        std::fflush(stdout);
    }
    return all;
}

int draw(const Options& options) {
    Report report;
    const auto start = Clock::now();
    const vulkan::Device device;
    const auto subject = make_subject(options.scene, device, options.width, options.height);
    report.setup = Clock::now() - start;
    const auto& identity = device.identity();
    report.device = identity.device;
    report.driver = identity.driver + ", " + identity.version;
    std::printf("%s (%s)\n", report.device.c_str(), report.driver.c_str());

    std::vector<std::vector<uint32_t>> frames;
    const Comparison result = draw_frames(options, *subject, report, frames);
    report.frames = options.frames;
    report.submissions = subject->submissions();
    report.gpu = subject->times();

    bool written = true;
    if (!options.picture.empty())
        written = write_png(options.picture, options.width, options.height, frames.back());
    if (written && !options.animation.empty())
        written = write_animation(options.animation, options.width, options.height, frames);
    if (written && !options.report.empty()) written = write_report(options.report, report);
    std::printf("%s\n", result.summary.c_str());
    return result.right && written ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace viaduct::demo

int main(int argc, char** argv) {
    const auto options = viaduct::demo::parse_options(argc, argv);
    if (!options.table.empty() || !options.stats.empty())
        return viaduct::demo::print_table(options.table, options.stats) ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
    try {
        return viaduct::demo::draw(options);
    } catch (const viaduct::vulkan::Error& error) {
        std::fprintf(stderr, "viaduct-demo: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
