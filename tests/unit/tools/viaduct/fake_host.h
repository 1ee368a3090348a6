// A host made of files, for the checks of `viaduct doctor`.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>

#include "tools/viaduct/checks.h"

namespace viaduct::tool {

class Checks : public testing::Test {
  protected:
    Checks()
        : root_(std::filesystem::path(testing::TempDir()) /
                ("host-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(root_);
        host_.root = root_;
        host_.output_of = [](const std::string&) { return std::nullopt; };
        host_.can_make_namespace = [] { return true; };
        host_.settings_error = [] { return std::string(); };
    }
    ~Checks() override { std::filesystem::remove_all(root_); }

    void file(const std::string& path, const std::string& text = "") {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    void link(const std::string& path, const std::string& target) {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::filesystem::create_symlink(target, root_ / path);
    }
    /// A render node; with an address, of a PCI device.
    void node(const std::string& name, const std::string& driver, const std::string& address = "") {
        file("dev/dri/" + name);
        const std::string on_bus = "sys/devices/" + (address.empty() ? name : address);
        std::filesystem::create_directories(root_ / on_bus);
        link(on_bus + "/driver", "/sys/bus/pci/drivers/" + driver);
        if (!address.empty()) link(on_bus + "/subsystem", "/sys/bus/pci");
        link("sys/class/drm/" + name + "/device",
             "../../../devices/" + (address.empty() ? name : address));
    }
    /// A file of the device behind a render node.
    void attribute(const std::string& node, const std::string& name, const std::string& text) {
        file("sys/class/drm/" + node + "/device/" + name, text);
    }
    /// A running program.
    void process(const std::string& pid, const std::string& program,
                 std::initializer_list<const char*> arguments) {
        std::string command_line;
        for (const char* argument : arguments) command_line += argument + std::string(1, '\0');
        file("proc/" + pid + "/comm", program + "\n");
        file("proc/" + pid + "/cmdline", command_line);
    }

    Findings run(const char* name) {
        for (const Check& check : checks())
            if (std::strcmp(check.name, name) == 0) return check.run(host_);
        ADD_FAILURE() << "no check " << name;
        return {};
    }
    Finding first(const char* name) {
        const auto findings = run(name);
        return findings.empty() ? Finding() : findings[0];
    }
    /// The finding with this in its text.
    Finding find(const char* name, const std::string& text) {
        std::string all;
        for (const Finding& finding : run(name)) {
            if (finding.text.find(text) != std::string::npos) return finding;
            all += finding.text + "\n";
        }
        ADD_FAILURE() << name << " does not find \"" << text << "\" but\n" << all;
        return {};
    }

    const std::filesystem::path root_;
    HostView host_;
};

}  // namespace viaduct::tool
