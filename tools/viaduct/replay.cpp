// viaduct replay: does again what a recording says, and compares.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "recording/reader.h"
#include "tools/replay/library.h"
#include "tools/replay/player.h"
#include "tools/viaduct/command.h"

namespace viaduct::tool {

namespace {

constexpr int kDiffers = 1;
constexpr int kNoTelling = 2;

struct ReplayOptions {
    std::string file;
    std::string gpu;
    std::string isolation;
    std::string library;
    unsigned repeat = 1;
    unsigned patience = 10;  // s
    bool benchmark = false;
};

/// A descriptor or two per buffer add up; VMMs raise the limit, too.
void allow_many_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The GPU that the recording names, if any machine has it.
std::string recorded_gpu(recording::RecordingReader& reader) {
    std::string gpu;
    const auto record = reader.next();
    if (record && *record && (*record)->type == recording::RecordType::kHost) {
        const auto tail = (*record)->behind<recording::Host>();
        const size_t size =
            std::min<size_t>((*record)->as<recording::Host>().name_bytes, tail.size());
        gpu.assign(reinterpret_cast<const char*>(tail.data()), size);
    }
    return gpu.starts_with("sim:") ? gpu : "auto";
}

/// Of the library, which reads it when it is first called.
void set_environment(const ReplayOptions& options, const std::string& gpu, bool null) {
    ::unsetenv("VIADUCT_RECORD");
    ::setenv("VIADUCT_GPU", gpu.c_str(), 1);
    if (!options.isolation.empty()) ::setenv("VIADUCT_ISOLATION", options.isolation.c_str(), 1);
    if (null) ::setenv("VIADUCT_SIMGPU_NULL", "1", 1);
    ::setenv("VIADUCT_SYSTEM_VIRGLRENDERER", "none", 1);
    // Nobody waits for this VM's screen.
    ::setenv("VIADUCT_DEADLINE_MS", "10000", 0);
}

void print_report(const replay::Report& report) {
    for (const std::string& note : report.notes) fmt::print("note: {}\n", note);
    for (const std::string& sentence : report.sentences) fmt::print("differs: {}\n", sentence);
    if (report.differences > report.sentences.size())
        fmt::print("differs: and {} times more\n", report.differences - report.sentences.size());
    fmt::print(
        "{} contexts, {} submissions, {} fences, {} answers and {} bytes of buffers compared: {}\n",
        report.contexts, report.submissions, report.fences, report.answers, report.compared_bytes,
        report.differences == 0 ? "all the same"
                                : fmt::format("{} differences, {} of them in buffers",
                                              report.differences, report.different_buffers));
    if (report.unexplained_bytes != 0)
        fmt::print(
            "{} bytes changed while the GPU worked and were not written by this GPU: taken "
            "for the guest's processor's\n",
            report.unexplained_bytes);
}

void print_times(std::vector<double> times, uint64_t submissions) {
    std::ranges::sort(times);
    const double median = times[times.size() / 2];
    fmt::print(
        "{} runs: {:.4f} s (half of them), {:.4f} s (fastest), {:.4f} s (slowest); {:.0f} "
        "submissions per second\n",
        times.size(), median, times.front(), times.back(),
        median > 0 ? static_cast<double>(submissions) / median : 0.0);
}

int fail_with(const Error& error) {
    fmt::print(stderr, "viaduct replay: {}\n", error.message);
    return kNoTelling;
}

int run(const ReplayOptions& options) {
    auto reader = recording::RecordingReader::open(options.file);
    if (!reader) return fail_with(reader.error());
    const std::string gpu = options.gpu.empty() ? recorded_gpu(*reader) : options.gpu;
    if (reader->without_contents() && !gpu.starts_with("sim:"))
        return fail_with({EINVAL, fmt::format("{} is without the contents of buffers, which a real "
                                              "GPU would hang for; use --gpu sim:...",
                                              options.file)});
    set_environment(options, gpu, reader->without_contents());
    allow_many_descriptors();
    const auto library = replay::Library::load(options.library.empty() ? replay::default_library()
                                                                       : options.library);
    if (!library) return fail_with(library.error());
    auto player = replay::Player::create(*library, {std::chrono::seconds(options.patience)});
    if (!player) return fail_with(player.error());

    std::vector<double> times;
    uint64_t submissions = 0;
    bool differs = false;
    for (unsigned i = 0; i < options.repeat; ++i) {
        if (auto status = reader->rewind(); !status) return fail_with(status.error());
        const auto start = std::chrono::steady_clock::now();
        const auto report = (*player)->play(*reader);
        if (!report) return fail_with(report.error());
        times.push_back(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        submissions = report->submissions;
        if (i == 0 || report->differences != 0) print_report(*report);
        differs = differs || report->differences != 0;
    }
    if (options.benchmark) print_times(std::move(times), submissions);
    return differs ? kDiffers : 0;
}

}  // namespace

void add_replay(CLI::App& app, int& status) {
    auto options = std::make_shared<ReplayOptions>();
    CLI::App* command =
        app.add_subcommand("replay", "Does again what a recording says, and compares the results");
    command->add_option("FILE", options->file, "The recording")->required();
    command->add_option("--gpu", options->gpu,
                        "As VIADUCT_GPU; default: the recording's simulated GPU, else auto");
    command->add_option("--isolation", options->isolation, "As VIADUCT_ISOLATION")
        ->check(CLI::IsMember({"process", "thread"}));
    command->add_option(
        "--library", options->library,
        "The libvirglrenderer.so.1 to call; default: this build's, or the system's");
    command->add_option("--repeat", options->repeat, "Times to do it")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command->add_option("--patience", options->patience, "Seconds that an answer or fence may take")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    command->add_flag("--benchmark", options->benchmark, "Prints times");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace viaduct::tool
