import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Holds each line of stdin, a resource, against R4 and against the profiles of a folder, as HAPI's validator sees them; nothing
 * is asked over the network. Says each fault as a line of JSON on stdout.
 */
class Validate {
    public static void main(String[] arguments) throws IOException {
        FhirContext r4 = FhirContext.forR4();
        PrePopulatedValidationSupport ours = new PrePopulatedValidationSupport(r4);
        for (Path file : files(Path.of(arguments[0]))) {
            ours.addResource(r4.newJsonParser().parseResource(Files.readString(file)));
        }
        FhirInstanceValidator module = new FhirInstanceValidator(new ValidationSupportChain(
                ours,
                new DefaultProfileValidationSupport(r4),
                new CommonCodeSystemsTerminologyService(r4),
                new InMemoryTerminologyServerValidationSupport(r4),
                new SnapshotGeneratingValidationSupport(r4),
                new UnknownCodeSystemWarningValidationSupport(r4)));
        FhirValidator validator = r4.newValidator().registerValidatorModule(module);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int line = 0;
        for (String text = lines.readLine(); text != null; text = lines.readLine()) {
            line += 1;
            for (SingleValidationMessage found : validator.validateWithResult(text).getMessages()) {
                JsonObject said = new JsonObject();
                said.addProperty("line", line);
                said.addProperty("severity", found.getSeverity().getCode());
                said.addProperty("about", found.getMessageId());
                said.addProperty("at", found.getLocationString());
                said.addProperty("says", found.getMessage());
                System.out.println(said);
            }
        }
    }

    static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(file -> file.toString().endsWith(".json")).sorted().toList();
        }
    }
}
