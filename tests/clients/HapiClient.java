import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.server.exceptions.ForbiddenOperationException;
import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Bundle.SearchEntryMode;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Resource;

/** HAPI's generic client, as its documentation uses it. */
class HapiClient {
    static final String NHS = "https://fhir.nhs.uk/Id/nhs-number";
    static final Map<String, String> TOLD = System.getenv();
    static final FhirContext R4 = FhirContext.forR4();

    public static void main(String[] arguments) throws Exception {
        // it reads the CapabilityStatement before it asks for anything else, and refuses a server of another version
        R4.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.ONCE);
        IGenericClient client = R4.newRestfulGenericClient(TOLD.get("GATEWAY"));
        client.capabilities().ofType(CapabilityStatement.class).execute();
        client.registerInterceptor(new BearerTokenAuthInterceptor(token()));

        Bundle found = client.search()
                .forResource(Patient.class)
                .where(Patient.IDENTIFIER.exactly().systemAndIdentifier(NHS, TOLD.get("PATIENT")))
                .returnBundle(Bundle.class)
                .execute();
        Resource patient = matches(found).get(0);

        List<String> ids = new ArrayList<>();
        Bundle page = client.search()
                .forResource(Observation.class)
                .where(Observation.PATIENT.hasId(patient.getIdElement().getIdPart()))
                .count(5)
                .returnBundle(Bundle.class)
                .execute();
        while (page != null) {
            matches(page).forEach(one -> ids.add(one.getIdElement().getIdPart()));
            page = page.getLink(Bundle.LINK_NEXT) == null ? null : client.loadPage().next(page).execute();
        }
        Observation read = client.read().resource(Observation.class).withId(ids.get(0)).execute();

        // asked for only if it has changed: every answer is decided anew, and given whole
        Observation again = client.read()
                .resource(Observation.class)
                .withId(ids.get(0))
                .ifVersionMatches(read.getMeta().getVersionId())
                .throwNotModifiedException()
                .execute();

        Bundle everything = client.operation()
                .onInstance(patient.getIdElement().toUnqualifiedVersionless())
                .named("$everything")
                .withNoParameters(Parameters.class)
                .useHttpGet()
                .returnResourceType(Bundle.class)
                .execute();

        JsonObject said = new JsonObject();
        try {
            client.search()
                    .forResource(Observation.class)
                    .where(Observation.PATIENT.hasChainedProperty(
                            Patient.IDENTIFIER.exactly().systemAndIdentifier(NHS, TOLD.get("STRANGER"))))
                    .returnBundle(Bundle.class)
                    .execute();
        } catch (ForbiddenOperationException refused) {
            said.add("refusal", json((OperationOutcome) refused.getOperationOutcome()));
        }
        said.addProperty("patient", patient.getIdElement().getIdPart());
        said.add("ids", new Gson().toJsonTree(ids));
        said.add("read", json(read));
        said.addProperty("everything", matches(everything).size());
        said.add("again", json(again));
        System.out.println(said);
    }

    static List<Resource> matches(Bundle bundle) {
        return bundle.getEntry().stream()
                .filter(entry -> entry.getSearch().getMode() == SearchEntryMode.MATCH)
                .map(Bundle.BundleEntryComponent::getResource)
                .toList();
    }

    static JsonElement json(IBaseResource resource) {
        return JsonParser.parseString(R4.newJsonParser().encodeResourceToString(resource));
    }

    /** Signs in: the sandbox's identity provider gives a persona's bearer token. */
    static String token() throws Exception {
        String form = "grant_type=persona&persona=" + URLEncoder.encode(TOLD.get("PERSONA"), StandardCharsets.UTF_8);
        HttpRequest asked = HttpRequest.newBuilder(URI.create(TOLD.get("IDENTITY") + "/token"))
                .header("content-type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString(form))
                .build();
        String answer = HttpClient.newHttpClient().send(asked, BodyHandlers.ofString()).body();
        return JsonParser.parseString(answer).getAsJsonObject().get("access_token").getAsString();
    }
}
